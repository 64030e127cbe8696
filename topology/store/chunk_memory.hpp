// Memory of tables, straight from the system. It leaves the process as soon as the table gives it
// back, and nothing else lies between the chunks of a table. On the heap, an emptied table of a
// million records would leave holes, and one small record in each would keep them resident.
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

/// Uninitialised room for `count` objects. Their type needs no destructor, or their owner calls it.
template <typename T> using Chunk = std::unique_ptr<T, UnmapPages>;

template <typename T> [[nodiscard]] Chunk<T> make_chunk(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    return Chunk<T>(static_cast<T*>(map_pages(bytes)), UnmapPages{bytes});
}

} // namespace zcomet::store
