#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void process_use_one_heap(void) {
#ifdef M_ARENA_MAX
  // Room for what a script over many rows holds; none of it is memory before it is used.
  const size_t room = (size_t)64 << 20, small = (size_t)4 << 20, page = (size_t)2 << 20;
  mallopt(M_ARENA_MAX, 1);
  // What is freed is joined at once: put aside, a large tree that goes is joined anew with each part.
  mallopt(M_MXFAST, 0);
  // Setting one of these three takes the others' own adjusting away.
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 2 * (int)room);
  mallopt(M_TOP_PAD, (int)room);
  char *first = malloc(page);
  free(first);
  mallopt(M_TOP_PAD, 1 << 20);
  // A program that needs little stays as small as it is: large pages begin behind that.
  uintptr_t end = (uintptr_t)sbrk(0), start = ((uintptr_t)first + small + page - 1) & ~(page - 1);
  if (first && start < end && end - start <= room) {
    madvise((void *)start, end - start, MADV_HUGEPAGE);
  }
#endif
}

struct work {
  void (*body)(void *);
  void *context;
};

static void *run_work(void *argument) {
  struct work work = *(struct work *)argument;
  free(argument);
  work.body(work.context);
  return NULL;
}

int process_start_thread(size_t stack, void (*body)(void *), void *context) {
  struct work *work = malloc(sizeof *work);
  if (!work) return ENOMEM;
  *work = (struct work){body, context};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, stack);
  pthread_t thread;
  int failed = pthread_create(&thread, &attributes, run_work, work);
  pthread_attr_destroy(&attributes);
  if (failed) free(work);
  return failed;
}

static void close_both(int pair[2]) {
  if (pair[0] >= 0) close(pair[0]);
  if (pair[1] >= 0) close(pair[1]);
}

// What we write is more than a pipe holds, and so may be what comes: neither may wait for the other.
static char *exchange(int to, const char *input, size_t length, int from, size_t limit) {
  char *output = from >= 0 ? malloc(limit + 1) : NULL;
  size_t written = 0, kept = 0;
  while (to >= 0 || from >= 0) {
    if (to >= 0 && written == length) {
      close(to);
      to = -1;
      continue;
    }
    struct pollfd both[2] = {{to, POLLOUT, 0}, {from, POLLIN, 0}};
    if (poll(both, 2, -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (to >= 0 && both[0].revents) {
      ssize_t count = write(to, input + written, length - written);
      if (count > 0) {
        written += (size_t)count;
      } else if (errno != EINTR && errno != EAGAIN) {
        // The reader has gone; a pager that was left early does that.
        close(to);
        to = -1;
      }
    }
    if (from >= 0 && both[1].revents) {
      char piece[4096];
      ssize_t count = read(from, piece, sizeof piece);
      if (count > 0) {
        size_t taken = (size_t)count < limit - kept ? (size_t)count : limit - kept;
        if (output) memcpy(output + kept, piece, taken);
        kept += taken;
      } else if (count == 0 || errno != EINTR) {
        close(from);
        from = -1;
      }
    }
  }
  if (to >= 0) close(to);
  if (from >= 0) close(from);
  if (output) output[kept] = 0;
  return output;
}

int process_run(const char *command, const char *input, size_t length, char **output) {
  int in[2] = {-1, -1}, out[2] = {-1, -1};
  if (output) *output = NULL;
  if ((input && pipe2(in, O_CLOEXEC) != 0) || (output && pipe2(out, O_CLOEXEC) != 0)) {
    close_both(in);
    close_both(out);
    return -1;
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (input) posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  if (output) posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  // The signals that we ignore are the program's own business.
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  int signals[] = {SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGTERM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaddset(&usual, signals[i]);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char *words[] = {"sh", "-c", (char *)command, NULL};
  pid_t child = -1;
  int failed = posix_spawn(&child, "/bin/sh", &actions, &attributes, words, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (in[0] >= 0) close(in[0]);
  if (out[1] >= 0) close(out[1]);
  if (failed) {
    if (in[1] >= 0) close(in[1]);
    if (out[0] >= 0) close(out[0]);
    return -1;
  }
  char *kept = exchange(in[1], input, length, out[0], 1 << 16);
  if (output) *output = kept;
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
