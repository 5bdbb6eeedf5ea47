#include "async/mutex.h"

#include <system_error>

namespace voxanne::async {

int init_inheriting(pthread_mutex_t& mutex) {
  pthread_mutexattr_t attributes;
  if (const int error = pthread_mutexattr_init(&attributes); error != 0) return error;
  int error = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  if (error == 0) error = pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return error;
}

Mutex::Mutex() {
  if (const int error = init_inheriting(mutex_); error != 0)
    throw std::system_error{error, std::generic_category(), "mutex"};
}

void inherit_priority(std::mutex& mutex) {
  pthread_mutex_destroy(mutex.native_handle());
  if (const int error = init_inheriting(*mutex.native_handle()); error != 0)
    throw std::system_error{error, std::generic_category(), "mutex"};
}

}  // namespace voxanne::async
