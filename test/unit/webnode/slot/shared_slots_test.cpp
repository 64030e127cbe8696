#include "webnode/slot/shared_slots.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <system_error>

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::slot;

TEST_CASE("what one mapping counts, the other sees", "[shared_slots]") {
    const SharedSlots supervisor = SharedSlots::create(3);
    const SharedSlots worker = SharedSlots::attach(UniqueFd(::dup(supervisor.fd())));
    REQUIRE(worker.slots().size() == 3);
    worker.slots()[2].counters.add(WorkerCounter::kAccepted, 5);
    worker.slots()[2].state.store(WorkerState::kLive);
    CHECK(supervisor.slots()[2].counters.get(WorkerCounter::kAccepted) == 5);
    CHECK(supervisor.slots()[2].state.load() == WorkerState::kLive);
    CHECK(supervisor.slots()[1].counters.get(WorkerCounter::kAccepted) == 0);
    CHECK(supervisor.slots()[0].state.load() == WorkerState::kDown);
}

TEST_CASE("gauges begin anew with each process, counters do not", "[shared_slots]") {
    const SharedSlots shared = SharedSlots::create(1);
    WorkerSlot& slot = shared.slots().front();
    slot.counters.set(WorkerCounter::kStreams, 7);
    slot.counters.set(WorkerCounter::kAccepted, 7);
    slot.reset_gauges();
    CHECK(slot.counters.get(WorkerCounter::kStreams) == 0);
    CHECK(slot.counters.get(WorkerCounter::kAccepted) == 7);
}

TEST_CASE("something that cannot be mapped is an error", "[shared_slots]") {
    CHECK_THROWS_AS(SharedSlots::attach(UniqueFd()), std::system_error);
}
