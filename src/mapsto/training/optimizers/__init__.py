"""Update rules: one a file, torch's own wherever torch has one."""
