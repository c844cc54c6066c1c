"""What posts are counted by, as those who count and those who are asked share it: dimensions, rows, sketches."""
