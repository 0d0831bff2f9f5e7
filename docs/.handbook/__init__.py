"""The figures of the handbook, and the claims that they show: one file a chapter, one function a figure."""
