// What ThreadSanitizer has to be told of threads and locks in libraries that it does not instrument. All of this stands
// before their own functions (LD_PRELOAD, see Tests/run) and goes on to them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <threads.h>

// Swift's Mutex takes a free lock in inlined, instrumented code, but waits for a taken one in libswiftSynchronization:
// unless the sanitizer learns of the lock passing from thread to thread there, every contended Mutex is a data race to it.
// On Linux these are methods of Synchronization._MutexHandle, whose address is the lock's.

extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define SWIFT_METHOD __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))

SWIFT_METHOD void lock_slow(uint32_t thread, SWIFT_SELF void *self)
    __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT_METHOD bool try_lock_slow(SWIFT_SELF void *self) __asm__("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
SWIFT_METHOD void unlock_slow(SWIFT_SELF void *self) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

SWIFT_METHOD void lock_slow(uint32_t thread, SWIFT_SELF void *self) {
  SWIFT_METHOD void (*next)(uint32_t, SWIFT_SELF void *) =
      dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  next(thread, self);
  if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT_METHOD bool try_lock_slow(SWIFT_SELF void *self) {
  SWIFT_METHOD bool (*next)(SWIFT_SELF void *) =
      dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
  bool taken = next(self);
  if (taken && __tsan_acquire) __tsan_acquire(self);
  return taken;
}

SWIFT_METHOD void unlock_slow(SWIFT_SELF void *self) {
  SWIFT_METHOD void (*next)(SWIFT_SELF void *) =
      dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
  if (__tsan_release) __tsan_release(self);
  next(self);
}

// C11's threads. librdkafka is built on <threads.h>, whose functions the sanitizer of Swift 6.3's clang does not
// intercept: a thread made by thrd_create is unknown to it and crashes it on its first allocation. In glibc they share
// the layouts of the POSIX types (nptl/thrd_priv.h, sysdeps/nptl/threads.h), whose functions are intercepted.

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t), "layouts differ");

static int result(int error) {
  switch (error) {
  case 0: return thrd_success;
  case EBUSY: return thrd_busy;
  case ENOMEM: return thrd_nomem;
  case ETIMEDOUT: return thrd_timedout;
  default: return thrd_error;
  }
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *argument) {
  return result(pthread_create(thread, 0, (void *(*)(void *))(uintptr_t)start, argument));
}

int thrd_join(thrd_t thread, int *code) {
  void *returned;
  int error = pthread_join(thread, &returned);
  if (!error && code) *code = (int)(intptr_t)returned;
  return result(error);
}

int thrd_detach(thrd_t thread) { return result(pthread_detach(thread)); }

int mtx_init(mtx_t *mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (type & mtx_recursive) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return result(error);
}

void mtx_destroy(mtx_t *mutex) { pthread_mutex_destroy((pthread_mutex_t *)mutex); }
int mtx_lock(mtx_t *mutex) { return result(pthread_mutex_lock((pthread_mutex_t *)mutex)); }
int mtx_trylock(mtx_t *mutex) { return result(pthread_mutex_trylock((pthread_mutex_t *)mutex)); }
int mtx_unlock(mtx_t *mutex) { return result(pthread_mutex_unlock((pthread_mutex_t *)mutex)); }

int cnd_init(cnd_t *condition) { return result(pthread_cond_init((pthread_cond_t *)condition, 0)); }
void cnd_destroy(cnd_t *condition) { pthread_cond_destroy((pthread_cond_t *)condition); }
int cnd_signal(cnd_t *condition) { return result(pthread_cond_signal((pthread_cond_t *)condition)); }
int cnd_broadcast(cnd_t *condition) { return result(pthread_cond_broadcast((pthread_cond_t *)condition)); }

int cnd_wait(cnd_t *condition, mtx_t *mutex) {
  return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
  return result(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}
