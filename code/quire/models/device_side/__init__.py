"""The device seen from the lanes: all that only CUDA needs, in one file, and its twin on the CPU."""
