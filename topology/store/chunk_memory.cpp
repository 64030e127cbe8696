#include "topology/store/chunk_memory.hpp"

#include "topology/base/check.hpp"

#include <sys/mman.h>

namespace zcomet::store {

void* map_pages(std::size_t bytes) {
    void* const pages =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ZCOMET_ASSERT(pages != MAP_FAILED);
    return pages;
}

void UnmapPages::operator()(void* pages) const {
    ::munmap(pages, bytes);
}

} // namespace zcomet::store
