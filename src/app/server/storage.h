// The configuration's storage settings as a bucket's or a directory's.
#pragma once

#include "app/config.h"
#include "async/worker_pool.h"
#include "recordings/root.h"
#include "recordings/s3/s3_store.h"

#include <memory>
#include <optional>
#include <string>

namespace voxanne::app {

// nullopt: recordings are kept as files.
std::optional<recordings::s3::Options> s3_options(const Config& config);

// Where they are kept as files. What is known of the directory lies in DATA_DIR.
recordings::Place recordings_place(const Config& config);

// Where recordings are kept; requests to a bucket run on `executor`, file work on the workers.
std::unique_ptr<recordings::ObjectStore> object_store(const Config& config, async::Executor executor,
                                                      async::Clock& clock, async::WorkerPool& workers,
                                                      std::string node);

// Where a browser fetches recordings from besides us, as an origin; empty: nowhere.
std::string recordings_origin(const Config& config);

}  // namespace voxanne::app
