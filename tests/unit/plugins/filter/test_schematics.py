"""The filter schematics."""

from __future__ import annotations

from ansible_collections.usableapps.omni_matchbox.plugins.filter.schematics import FilterModule

IMAGES = [{"key": "stock", "classes": ["talos"]}, {"key": "0123", "classes": ["iscsi"]}, {"key": "4567", "classes": ["own", "other"]}]
CLASSES = {"talos": {}, "iscsi": {}, "own": {"schematic": "b" * 64}, "other": {"schematic": "b" * 64}}


def test_those_of_omni_and_those_of_classes():
    schematics = FilterModule().filters()["schematics"]
    made = {"changed": False, "image_key": "0123"}
    assert schematics(IMAGES, CLASSES, [{**made, "schematic_id": "a" * 64}]) == {"0123": "a" * 64, "4567": "b" * 64}
    # In check mode nothing is made.
    assert schematics(IMAGES, CLASSES, [made]) == {"4567": "b" * 64}
    assert schematics(IMAGES[:1], CLASSES, []) == {}
