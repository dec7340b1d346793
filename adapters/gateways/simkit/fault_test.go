package simkit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFaultsHappenInOrder(t *testing.T) {
	t.Parallel()
	var f Faults
	f.Add(Fault{Kind: Down, Op: "refund"}, Fault{Kind: Lost, Count: 2}, Fault{Kind: Drop})
	next := func(op string) Kind {
		fault, ok := f.take(op, callKinds...)
		if !ok {
			return ""
		}
		return fault.Kind
	}
	require.Equal(t, Lost, next("status"), "the one for refunds is not for this call")
	require.Equal(t, Down, next("refund"))
	require.Equal(t, Lost, next("refund"))
	require.Empty(t, next("refund"), "all are used up; Drop is no fault of calls")
	_, ok := f.take("settlement", Drop)
	require.True(t, ok)
}

func TestFaultsThatAlwaysHappen(t *testing.T) {
	t.Parallel()
	var f Faults
	f.Add(Fault{Kind: Down, Count: -1})
	for range 5 {
		_, ok := f.take("status", Down)
		require.True(t, ok)
	}
	f.Clear()
	_, ok := f.take("status", Down)
	require.False(t, ok)
}

func TestFaultsThatHappenNowAndThen(t *testing.T) {
	t.Parallel()
	var f Faults
	asked := 0
	f.Add(
		Fault{Kind: Down, Op: "status", Count: 2, If: func() bool { asked++; return asked%3 == 0 }},
		Fault{Kind: Slow, Count: -1},
	)
	var met []Kind
	for range 7 {
		fault, ok := f.take("status", callKinds...)
		require.True(t, ok)
		met = append(met, fault.Kind)
	}
	require.Equal(t, []Kind{Slow, Slow, Down, Slow, Slow, Down, Slow}, met, "a call that a fault spares meets the next one")
	require.Equal(t, 6, asked, "what is used up is not asked any more")
	f.take("refund", callKinds...)
	require.Equal(t, 6, asked, "nor is what is not for the call")
}
