# cython: language_level=3
"""Python's own memory in pages of 2 MiB, where Linux gives these to who asks: the processor looks up a five-hundredth of the addresses."""

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/mman.h>
    #ifndef MADV_HUGEPAGE
    #error "this system has no huge pages to ask for"
    #endif
    #define HUGE_PAGE (2 * 1024 * 1024)
    /* Of addresses, not of memory: what nobody has written to takes none. */
    #define REGION (16 * HUGE_PAGE)

    static PyObjectArenaAllocator before;
    static char *next_arena = NULL, *region_end = NULL;

    static void *arena(void *context, size_t size) {
        if ((size_t)(region_end - next_arena) < size) {
            char *taken, *first;
            if (size > REGION)
                return before.alloc(before.ctx, size);
            taken = mmap(NULL, REGION + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (taken == MAP_FAILED)
                return before.alloc(before.ctx, size);
            first = (char *)(((uintptr_t)taken + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
            madvise(first, REGION, MADV_HUGEPAGE);
            next_arena = first;
            region_end = first + REGION;
        }
        next_arena += size;
        return next_arena - size;
    }

    static void ask_for_huge_pages(void) {
        PyObjectArenaAllocator ours;
        PyObject_GetArenaAllocator(&before);
        if (before.alloc == arena)
            return;
        ours = before;
        /* Python gives an arena back by unmapping it, which a piece of a larger mapping takes as well. */
        ours.alloc = arena;
        PyObject_SetArenaAllocator(&ours);
    }
    """
    void ask_for_huge_pages()


def ask():
    """For all arenas from now on; a kernel without them, or that is told never to give them, gives small ones."""
    ask_for_huge_pages()
