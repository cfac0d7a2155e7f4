// A disk without room, as a process meets it: LD_PRELOAD it and name the file in BLOBWATCH_TEST_DISK that says how full the disk is.
// "full": no database grows; "packed": nor can one be opened anew; "alarms": only workerd's own files do not grow. What is stored can be
// written over, as on a real disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_told(const char *what) {
  char text[16] = {0};
  const char *path = getenv("BLOBWATCH_TEST_DISK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t bytes = read(file, text, sizeof text - 1);
  close(file);
  return bytes > 0 && strcmp(text, what) == 0;
}

static int is_full(const char *path) {
  return is_told("full") || is_told("packed") || (is_told("alarms") && strstr(path, "metadata.sqlite"));
}

// Whether a file may not become so long.
static int has_no_room(int file, off_t end) {
  char link[64], path[4096] = {0};
  struct stat status;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (readlink(link, path, sizeof path - 1) <= 0 || !strstr(path, ".sqlite")) return 0;
  // SQLite cuts it off and writes it again when it opens a database: the room is its own.
  if (strstr(path, ".sqlite-shm") && !is_told("packed")) return 0;
  return fstat(file, &status) == 0 && end > status.st_size && is_full(path);
}

static off_t length_of(const struct iovec *parts, int count) {
  off_t length = 0;
  for (int i = 0; i < count; i += 1) length += (off_t)parts[i].iov_len;
  return length;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define REFUSED(file, end) \
  if (has_no_room(file, end)) { \
    errno = ENOSPC; \
    return -1; \
  }

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  REFUSED(file, at + (off_t)count)
  return REAL(pwrite64)(file, bytes, count, at);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) {
  REFUSED(file, at + length_of(parts, count))
  return REAL(pwritev64)(file, parts, count, at);
}

int fallocate64(int file, int mode, off64_t at, off64_t length) {
  REFUSED(file, at + length)
  return REAL(fallocate64)(file, mode, at, length);
}

ssize_t write(int file, const void *bytes, size_t count) {
  REFUSED(file, lseek(file, 0, SEEK_CUR) + (off_t)count)
  return REAL(write)(file, bytes, count);
}

int ftruncate(int file, off_t length) {
  REFUSED(file, length)
  return REAL(ftruncate)(file, length);
}

int ftruncate64(int file, off64_t length) {
  REFUSED(file, length)
  return REAL(ftruncate64)(file, length);
}
