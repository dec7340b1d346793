package payments

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// finishing is a store whose Finish waits, and refuses what it is told to.
type finishing struct {
	DeliveryStore
	begun   chan []Outcome
	proceed chan struct{}
	refuse  ID
	lose    ID
}

func (s *finishing) Finish(_ context.Context, outcomes []Outcome) (lost []ID, err error) {
	s.begun <- outcomes
	<-s.proceed
	for _, o := range outcomes {
		switch o.DeliveryID {
		case s.refuse:
			return nil, errors.New("refused")
		case s.lose:
			lost = append(lost, o.DeliveryID)
		}
	}
	return lost, nil
}

// What ends while another is written is written together, and each hears of
// its own.
func TestEndsThatMeetAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &finishing{begun: make(chan []Outcome, 10), proceed: make(chan struct{}), lose: "c", refuse: "d"}
		f := &finisher{store: store}
		type answer struct {
			lost bool
			err  error
		}
		answers := map[ID]chan answer{}
		end := func(id ID) {
			answers[id] = make(chan answer, 1)
			go func() {
				lost, err := f.finish(t.Context(), Outcome{DeliveryID: id})
				answers[id] <- answer{lost, err}
			}()
			synctest.Wait()
		}
		ids := func() (ids []ID) {
			for _, o := range <-store.begun {
				ids = append(ids, o.DeliveryID)
			}
			return ids
		}
		end("a")
		require.Equal(t, []ID{"a"}, ids(), "alone it waits for nobody")
		for _, id := range []ID{"b", "c", "d"} {
			end(id)
		}
		store.proceed <- struct{}{}
		require.Equal(t, answer{}, <-answers["a"])
		synctest.Wait()
		require.Equal(t, []ID{"b", "c", "d"}, ids())
		store.proceed <- struct{}{} // fails for d
		for _, id := range []ID{"b", "c", "d"} {
			require.Equal(t, []ID{id}, ids(), "then each by itself")
			store.proceed <- struct{}{}
		}
		require.Equal(t, answer{}, <-answers["b"])
		require.Equal(t, answer{lost: true}, <-answers["c"])
		require.EqualError(t, (<-answers["d"]).err, "refused")
		end("e")
		require.Equal(t, []ID{"e"}, ids())
		store.proceed <- struct{}{}
		require.Equal(t, answer{}, <-answers["e"])
	})
}

// However many end at once, each is written once.
func TestManyEndsAreEachWrittenOnce(t *testing.T) {
	t.Parallel()
	const n = 3 * maxFinished
	store := &finishing{begun: make(chan []Outcome, n), proceed: make(chan struct{})}
	close(store.proceed)
	f := &finisher{store: store}
	done := make(chan error, n)
	for i := range n {
		go func() {
			_, err := f.finish(t.Context(), Outcome{DeliveryID: ID(itoa(i))})
			done <- err
		}()
	}
	for range n {
		require.NoError(t, <-done)
	}
	close(store.begun)
	var written []ID
	for batch := range store.begun {
		require.LessOrEqual(t, len(batch), maxFinished)
		for _, o := range batch {
			written = append(written, o.DeliveryID)
		}
	}
	require.Len(t, written, n)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(written))), n)
}
