from foundation import free_memory


def test_memory_is_given_back_every_half_minute(monkeypatch):
    calls, clock = [], iter([0.0, 10.0, 29.9, 31.0, 60.9, 61.0])
    monkeypatch.setattr(free_memory, "_malloc_trim", lambda: calls.append)
    monkeypatch.setattr(free_memory.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(free_memory, "_given_back_s", -free_memory.EVERY_S)
    counts = []
    for _ in range(6):
        free_memory.give_back_free_memory()
        counts.append(len(calls))
    assert counts == [1, 1, 1, 2, 2, 3]


def test_nothing_happens_with_another_c_library(monkeypatch):
    monkeypatch.setattr(free_memory, "_malloc_trim", lambda: None)
    monkeypatch.setattr(free_memory, "_given_back_s", -free_memory.EVERY_S)
    free_memory.give_back_free_memory()
