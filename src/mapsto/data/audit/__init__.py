"""What is wrong with data, found before a second of training is spent; one check a file.

`mapsto.data.audit._door.audit` runs them all.
"""
