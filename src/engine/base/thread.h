/* thread.h - how this program starts a thread: signals that are sent go to those who wait for them, so a new
 * thread takes none; but a fault is the thread's own, and blocked it would end the process unhandled,
 * with the terminal left as it is. */
#ifndef THREAD_H
#define THREAD_H
#include <pthread.h>

/* As pthread_create without attributes; 0 or an errno. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
