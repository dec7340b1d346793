package faults

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	beParallel(4)
	goleak.VerifyTestMain(m)
}

// beParallel lets n tests run at once, unless the command line says how many:
// these wait more than they compute.
func beParallel(n int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

var goroutineRecord = regexp.MustCompile(`(?m)^(\d+) @.*\n# labels: (.*)$`)

// goroutines counts those of a shop, by the label that they inherit.
func goroutines(shop string) (n int) {
	var dump bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&dump, 1) // a buffer takes all
	label := fmt.Sprintf("%q:%q", "shop", shop)
	for _, record := range goroutineRecord.FindAllSubmatch(dump.Bytes(), -1) {
		if bytes.Contains(record[2], []byte(label)) {
			count, _ := strconv.Atoi(string(record[1]))
			n += count
		}
	}
	return n
}

// patience is for what takes moments on a machine that has time.
const patience = 3 * time.Minute

// await polls until done, for a time.
func await(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			var dump bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
			t.Logf("goroutines:\n%s", dump.Bytes())
			require.FailNow(t, "waited in vain: "+what)
		}
		<-time.After(10 * time.Millisecond) // before the next look
	}
}
