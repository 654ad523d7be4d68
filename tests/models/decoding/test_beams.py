"""Which continuations of a beam live on, and where their rows are kept."""

import torch

from models.decoding.beams import expand, in_place

END = 0


def test_first_children_stay_in_their_parents_places():
    # Rows 0 and 3 split, row 1 ends, row 2 goes on.
    parents, tokens = torch.tensor([0, 0, 2, 3, 3]), torch.tensor([5, 6, 7, 8, 9])
    ordered, new_tokens, places = in_place(parents, tokens)
    assert ordered.tolist() == [0, 0, 2, 3, 3]
    assert new_tokens.tolist() == [5, 6, 7, 8, 9]
    assert places.tolist() == [0, 1, 2, 3, 4]


def test_rows_at_the_end_fill_the_places_of_those_that_ended():
    ordered, tokens, places = in_place(torch.tensor([1, 4, 5]), torch.tensor([7, 8, 9]))
    assert ordered.tolist() == [4, 1, 5] and tokens.tolist() == [8, 7, 9]
    assert places.tolist() == [1, 0, 2]


def test_every_row_gets_one_place():
    generator = torch.Generator().manual_seed(0)
    for count in range(1, 30):
        parents = torch.randint(0, 12, (count,), generator=generator).sort().values
        tokens = torch.arange(count)
        ordered, moved, places = in_place(parents, tokens)
        assert sorted(places.tolist()) == list(range(count))
        assert ordered[places].tolist() == parents.tolist() and moved[places].tolist() == tokens.tolist()
        kept = {parent for parent in parents.tolist() if parent < count}
        assert all(ordered[parent] == parent for parent in kept)


def test_best_continuations_of_each_stream_in_order():
    # Stream 4 has two rows, stream 7 one; two candidates each.
    scores = torch.tensor([-1.0, -2.0, -0.5])
    values = torch.tensor([[-0.1, -3.0], [-0.2, -0.3], [-1.0, -torch.inf]])
    tokens = torch.tensor([[3, END], [END, 5], [6, 2]])
    rows, continuations, best, ends = expand(scores, values, tokens, torch.tensor([4, 4, 7]), 2, END)
    assert rows.tolist() == [0, 1, 2] and continuations.tolist() == [3, END, 6]
    torch.testing.assert_close(best, torch.tensor([-1.1, -2.2, -1.5]))
    assert ends.tolist() == [False, True, False]
