// Locks that threads of different priority share. A media shard runs in real time and workers at nice
// 10: should a worker be preempted while it holds an ordinary mutex, a shard that wants it waits until
// the whole machine has had its turn (measured: 250 ms beside four busy threads). Whoever holds one
// of these runs at the priority of whoever waits for it. Uncontended they cost what std::mutex costs.
//
// Asio's own mutexes, which every post to a loop takes, are of the same kind (asio_impl.cpp).
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <mutex>

namespace voxanne::async {

// As std::mutex, for std::lock_guard; hold it for a few instructions only.
class Mutex {
 public:
  Mutex();
  ~Mutex() { pthread_mutex_destroy(&mutex_); }
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

// Initializes a mutex whose holder inherits priority. Returns 0 or an errno value.
int init_inheriting(pthread_mutex_t& mutex);

// Makes a std::mutex that nobody uses yet one of these: where a condition variable wants that type.
void inherit_priority(std::mutex& mutex);

// Wakes a thread that waits for work, without a lock (a condition variable has one inside). Waiters
// look for work first and wait then; one post() more than there is work costs one look.
class Semaphore {
 public:
  Semaphore() { sem_init(&semaphore_, 0, 0); }
  ~Semaphore() { sem_destroy(&semaphore_); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  void post() { sem_post(&semaphore_); }
  void wait() {
    while (sem_wait(&semaphore_) != 0) {
    }
  }

 private:
  sem_t semaphore_;
};

}  // namespace voxanne::async
