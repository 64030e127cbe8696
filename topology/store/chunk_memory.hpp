// Memory of tables, straight from the system: what a table lets go of leaves the process at once,
// and nothing else comes to lie between its chunks. From the heap, a table of a million records
// that was emptied would leave it full of holes, and a small record in each would keep it resident.
#pragma once

#include <cstddef>
#include <memory>

namespace zcomet::store {

/// Gives pages back that map_pages() gave.
struct UnmapPages {
    std::size_t bytes = 0;
    void operator()(void* pages) const;
};

/// At least `bytes` bytes, zero and not resident before they are first touched.
/// Errors: none; memory that runs out ends the process.   Thread: any.   Cost: a system call.
[[nodiscard]] void* map_pages(std::size_t bytes);

/// Uninitialised room for `count` objects of a type that needs no destructor, or whose owner sees
/// to that.
template <typename T> using Chunk = std::unique_ptr<T, UnmapPages>;

template <typename T> [[nodiscard]] Chunk<T> make_chunk(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    return Chunk<T>(static_cast<T*>(map_pages(bytes)), UnmapPages{bytes});
}

} // namespace zcomet::store
