#ifndef CPROCESS_H
#define CPROCESS_H

#include <stddef.h>

// What of the C library Swift's module of it leaves out, and other programs.

/// One heap for all threads, with large pages where it grows large.
///
/// The evaluator has a thread of its own, and the heaps that glibc gives to threads grow page by
/// page, each time with a call of the kernel. And each new page of 4 KiB interrupts the program: of
/// the time of a script that makes a list of a hundred thousand records that was a third.
void process_use_one_heap(void);

/// Runs a function on a thread of its own with a stack of so many bytes; nothing waits for its end.
///
/// The result is 0, or an error number when there is no thread.
int process_start_thread(size_t stack, void (*body)(void *), void *context);

/// Runs a command of the shell on our terminal and waits for its end.
///
/// `input` is what it reads, `length` bytes; NULL gives it our standard input. `output` gets what it
/// printed, at most 64 KiB, in memory from `malloc`; NULL lets it print. The result is its exit code,
/// 128 and the signal that ended it, or -1 when it could not be started.
int process_run(const char *command, const char *input, size_t length, char **output);

#endif
