// Objects in a bucket of an S3-compatible service: KEY → PREFIX + KEY.
//
//   up to part_bytes   one PUT; signed with the file's SHA-256, sent with its MD5, which the ETag answers
//   over it            multipart: each part as above, then its size is asked for; abandoned (and
//                      aborted) when a part fails. What a killed process left open of a key is aborted by
//                      the next attempt at it, and by its removal.
//
// Owner: app. Requests run on the executor given, from whatever loop they are asked; file work on the
// workers. Neither is cancelled across loops: deadlines bound them. Errors: ObjectStore's; wrong keys, a
// missing bucket, region or clock are unavailable (object_store_misconfigured), since nothing is lost
// by waiting until somebody mends them.
#pragma once

#include "async/worker_pool.h"
#include "recordings/object_store.h"
#include "recordings/s3/s3_client.h"

namespace voxanne::recordings::s3 {

class S3Store final : public ObjectStore {
 public:
  // `node` names the object that probe() writes.
  S3Store(async::Executor executor, async::Clock& clock, async::WorkerPool& workers, std::string node,
          Options options);

  async::Task<Result<>> put(std::string key, std::filesystem::path file, std::string checksum) override;
  async::Task<Result<std::uint64_t>> size(std::string key) override;
  async::Task<Result<std::string>> read(std::string key, std::uint64_t offset, std::size_t length) override;
  async::Task<Result<>> remove(std::string key) override;
  async::Task<Result<std::vector<ObjectInfo>>> list(std::string prefix, std::string after,
                                                    std::size_t limit) override;
  std::optional<std::string> link(const std::string& key, seconds valid_for,
                                  const std::string& disposition) const override;

  // Whether recordings can be stored now, for a health check every second. A write is tried when the last
  // one failed or is a minute old, else a read: a write a second would cost money, and pile up where
  // a bucket keeps versions. On the executor.
  async::Task<Result<>> probe();

 private:
  struct Piece;
  struct Upload;

  std::string name_of(const std::string& key) const { return client_.options().prefix + key; }

  async::Task<Result<>> put_file(std::string key, std::filesystem::path file, std::string checksum);
  async::Task<Result<>> put_whole(std::string key, std::shared_ptr<Upload> upload);
  async::Task<Result<>> put_parts(std::string key, std::shared_ptr<Upload> upload);
  async::Task<Result<>> send_parts(std::string name, std::string id, std::shared_ptr<Upload> upload);
  async::Task<Result<std::string>> send_piece(Client::Ask ask, Piece piece);
  async::Task<Result<>> abort(std::string name, std::string id);
  async::Task<Result<>> abort_leftovers(std::string name);
  async::Task<Result<>> write_probe();
  async::Task<Result<std::uint64_t>> size_of(std::string name, milliseconds limit);
  async::Task<Result<std::string>> read_range(std::string name, std::uint64_t offset, std::size_t length);
  async::Task<Result<>> remove_object(std::string name);
  async::Task<Result<std::vector<ObjectInfo>>> list_objects(std::string prefix, std::string after,
                                                            std::size_t limit);

  const async::Executor executor_;
  async::Clock& clock_;
  async::WorkerPool& workers_;
  const std::string probe_key_;
  Client client_;
  bool writes_ = false;    // as far as is known
  SteadyTime wrote_at_{};  // successfully, last
};

}  // namespace voxanne::recordings::s3
