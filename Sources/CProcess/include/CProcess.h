#ifndef CPROCESS_H
#define CPROCESS_H

// What of the C library Swift's module of it leaves out.

/// One heap for all threads.
///
/// The evaluator has a thread of its own, and the heaps that glibc gives to threads grow page by
/// page, each time with a call of the kernel.
void process_use_one_heap(void);

#endif
