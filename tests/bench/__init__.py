"""What is measured: one row per figure. Ratios come from runs side by side; nothing here fails because the machine is slow."""
