"""What sites that began by hand have on disk: a profile that the collection reproduces byte for byte."""

from __future__ import annotations

SEED_CLASS = {
    "version": "v1.11.4",
    "path": "talos",
    "kernel_args_exact": [
        "initrd=initramfs.xz",
        "init_on_alloc=1",
        "slab_nomerge",
        "pti=on",
        "console=tty0",
        "console=ttyS0",
        "printk.devkmsg=on",
        "talos.platform=metal",
    ],
}
SEED_JOIN_ARGS = [
    "siderolink.api=grpc://192.168.1.8:8090?jointoken=w7uVuW3zbVKIYQuz",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8090",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]
SEED_PROFILE = """{
  "id": "talos",
  "name": "Talos Linux for Omni",
  "boot": {
    "kernel": "/assets/talos/vmlinuz",
    "initrd": [
      "/assets/talos/initramfs.xz"
    ],
    "args": [
      "initrd=initramfs.xz",
      "init_on_alloc=1",
      "slab_nomerge",
      "pti=on",
      "console=tty0",
      "console=ttyS0",
      "printk.devkmsg=on",
      "talos.platform=metal",
      "siderolink.api=grpc://192.168.1.8:8090?jointoken=w7uVuW3zbVKIYQuz",
      "talos.events.sink=[fdae:41e4:649b:9303::1]:8090",
      "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092"
    ]
  }
}
"""
