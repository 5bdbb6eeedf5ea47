// Boost.Asio's non-template parts, compiled once (BOOST_ASIO_SEPARATE_COMPILATION).
#include "async/mutex.h"

// The one function of this file is ours, below: whoever posts to a loop holds the loop's mutex while
// it wakes the loop's thread, and is then preempted by it if that has the higher priority.
#define BOOST_ASIO_DETAIL_IMPL_POSIX_MUTEX_IPP
#include <boost/asio/impl/src.hpp>

namespace boost::asio::detail {

posix_mutex::posix_mutex() {
  const boost::system::error_code error{voxanne::async::init_inheriting(mutex_),
                                        boost::asio::error::get_system_category()};
  throw_error(error, "mutex");
}

}  // namespace boost::asio::detail
