#include "knowledge/vector_index.h"
#include "knowledge/similarity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace voxanne::knowledge {
namespace {

Vector random_vector(std::mt19937& random, std::size_t dimensions) {
  std::normal_distribution<float> normal;
  Vector out(dimensions);
  for (float& value : out) value = normal(random);
  normalize(out);
  return out;
}

TEST(Similarity, is_the_inner_product_at_every_length) {
  std::mt19937 random{1};
  for (std::size_t count = 0; count <= 200; ++count) {
    std::vector<float> a(count), b(count);
    double exact = 0;
    for (std::size_t i = 0; i < count; ++i) {
      a[i] = static_cast<float>(random() % 1'000) / 100 - 5;
      b[i] = static_cast<float>(random() % 1'000) / 100 - 5;
      exact += double{a[i]} * double{b[i]};
    }
    EXPECT_NEAR(dot(a.data(), b.data(), count), exact, 1e-2) << count << " " << instruction_set();
  }
}

TEST(Similarity, what_has_no_direction_is_not_scaled) {
  Vector zero(4, 0), infinite{1, std::numeric_limits<float>::infinity()},
      nothing{1, std::numeric_limits<float>::quiet_NaN()}, fine{0, 2};
  EXPECT_FALSE(normalize(zero));
  EXPECT_FALSE(normalize(infinite));
  EXPECT_FALSE(normalize(nothing));
  EXPECT_TRUE(normalize(fine));
  EXPECT_EQ(fine[1], 1);
}

// 20,000 passages of 1,536 dimensions fit into what the cache allows an organization.
TEST(VectorIndex, takes_little_more_than_its_vectors_however_many_there_are) {
  constexpr std::size_t dimensions = 1'536, mebibyte = 1u << 20;
  const std::string vector = to_bytes([&] {
    Vector one(dimensions, 0);
    one[7] = 1;
    return one;
  }());
  VectorIndex index{1};
  for (std::int64_t chunk = 0; chunk < 4'100; ++chunk) {
    ASSERT_TRUE(index.add(chunk, "m", vector));
    const std::size_t least = index.size() * (dimensions * sizeof(float) + sizeof(std::int64_t));
    ASSERT_LE(index.bytes(), least + least / 50 + mebibyte) << chunk;
  }
  EXPECT_EQ(index.floats("m"), 4'100 * dimensions);
  EXPECT_LT(index.bytes() / 4'100 * 20'000, 128 * mebibyte);
}

TEST(VectorIndex, finds_the_nearest_among_more_than_one_block_holds) {
  std::mt19937 random{3};
  VectorIndex index{1};
  std::vector<Vector> all;
  for (std::int64_t chunk = 0; chunk < 700; ++chunk) {
    all.push_back(random_vector(random, 1'000));
    ASSERT_TRUE(index.add(chunk, "m", to_bytes(all.back())));
    EXPECT_FALSE(index.add(9'999, "m", to_bytes(Vector(1'000, 1)))) << "is of another length";
  }
  for (const std::size_t wanted : {0u, 261u, 262u, 263u, 523u, 524u, 525u, 699u}) {
    const auto found = index.nearest("m", all[wanted], 1);
    EXPECT_EQ(found.compared, 700u);
    EXPECT_EQ(found.found.at(0).chunk, std::int64_t(wanted));
    EXPECT_NEAR(found.found.at(0).similarity, 1, 1e-5);
  }
}

TEST(VectorIndex, finds_exactly_the_nearest) {
  std::mt19937 random{2};
  VectorIndex index{7};
  std::vector<Vector> all;
  for (std::int64_t chunk = 0; chunk < 500; ++chunk) {
    all.push_back(random_vector(random, 48));
    ASSERT_TRUE(index.add(chunk, "m", to_bytes(all.back())));
  }
  for (int round = 0; round < 20; ++round) {
    const auto question = random_vector(random, 48);
    std::vector<std::pair<double, std::int64_t>> exact;
    for (std::size_t i = 0; i < all.size(); ++i) {
      double sum = 0;
      for (std::size_t d = 0; d < 48; ++d) sum += double{all[i][d]} * double{question[d]};
      exact.emplace_back(-sum, static_cast<std::int64_t>(i));
    }
    std::ranges::sort(exact);
    const auto near = index.nearest("m", question, 10);
    ASSERT_EQ(near.found.size(), 10u);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(near.found[i].chunk, exact[i].second) << i;
    EXPECT_EQ(near.compared, 500u);
    EXPECT_NEAR(near.mean, 0, 0.05);
  }
}

TEST(VectorIndex, vectors_of_different_models_and_dimensions_are_never_compared) {
  VectorIndex index{1};
  EXPECT_TRUE(index.add(1, "old", to_bytes(Vector{1, 0})));
  EXPECT_TRUE(index.add(2, "new", to_bytes(Vector{1, 0})));
  EXPECT_TRUE(index.add(3, "new", to_bytes(Vector{0, 1})));
  EXPECT_TRUE(index.add(4, "new", to_bytes(Vector{1, 0, 0})));
  EXPECT_EQ(index.models(), (std::vector<std::string>{"new", "old"}));
  const auto near = index.nearest("new", Vector{1, 0}, 5);
  ASSERT_EQ(near.found.size(), 2u);
  EXPECT_EQ(near.found[0].chunk, 2);
  EXPECT_EQ(index.nearest("other", Vector{1, 0}, 5).found.size(), 0u);
  EXPECT_EQ(index.nearest("new", Vector{1, 0, 0, 0}, 5).found.size(), 0u);
}

TEST(VectorIndex, what_is_no_vector_is_left_out) {
  VectorIndex index{1};
  EXPECT_FALSE(index.add(1, "m", ""));
  EXPECT_FALSE(index.add(1, "m", "abc"));
  EXPECT_FALSE(index.add(1, "m", to_bytes(Vector{0, 0})));
  EXPECT_FALSE(index.add(1, "m", to_bytes(Vector{3, 4})));
  EXPECT_FALSE(index.add(1, "m", to_bytes(Vector{std::numeric_limits<float>::quiet_NaN(), 0})));
  EXPECT_EQ(index.size(), 0u);
}

}  // namespace
}  // namespace voxanne::knowledge
