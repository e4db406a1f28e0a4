/* A disk that costs nothing: loaded before the C library, it answers each sync at once. For the
   bench alone, which measures with it what the disk is part of. */
int fsync(int file) { (void)file; return 0; }
int fdatasync(int file) { (void)file; return 0; }
