package kill

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chance makes the choices of one actor: a buyer, a postman, the gateway,
// whoever kills. Each has its own, so that a seed gives every actor the same
// choices again. When processes run, die and meet is not repeatable.
type chance struct{ *rand.Rand }

// chanceOf is that of the actor of a name.
func chanceOf(seed uint64, actor string) chance {
	h := fnv.New64a()
	_, _ = h.Write([]byte(actor)) // a hash takes everything
	return chance{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// one reports whether it hits, one time in n.
func (c chance) one(n int) bool { return c.IntN(n) == 0 }

// upTo is a duration below d.
func (c chance) upTo(d time.Duration) time.Duration { return time.Duration(c.Int64N(int64(d))) }

// seed is LUNAS_CRASH_SEED, or a new one.
func seed(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv("LUNAS_CRASH_SEED")
	if given == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(given, 10, 64)
	require.NoError(t, err, "LUNAS_CRASH_SEED")
	return n
}

// lasting is LUNAS_CRASH_FOR, how long each world has traffic and kills at
// least; zero is the short form.
func lasting(t *testing.T) time.Duration {
	t.Helper()
	given := os.Getenv("LUNAS_CRASH_FOR")
	if given == "" {
		return 0
	}
	d, err := time.ParseDuration(given)
	require.NoError(t, err, "LUNAS_CRASH_FOR")
	return d
}
