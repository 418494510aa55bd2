package isolation

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// atOnce bounds the requests in flight: more than this is no latency to compare
// but a standstill.
const atOnce = 256

// answers are of one side. Took is from the moment when a request was sent;
// late is how much after its time that was: who reads the figures sees whether
// the machine, or this program, was busy with something else.
type answers struct{ took, late []time.Duration }

// ask sends n requests at the rate, whatever became of those before.
func ask(ctx context.Context, url string, n int) (answers, error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	got, failed := answers{took: make([]time.Duration, n)}, make([]error, n)
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	began := time.Now()
	for i := 0; i < n && ctx.Err() == nil; {
		<-tick.C
		for due := int(time.Since(began) * rate / time.Second); i < min(due, n); i++ {
			slots <- struct{}{}
			one := i
			got.late = append(got.late, time.Since(began)-time.Duration(i)*time.Second/rate)
			all.Go(func() {
				got.took[one], failed[one] = once(ctx, client, url)
				<-slots
			})
		}
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return answers{}, err
		}
	}
	return got, ctx.Err()
}

func once(ctx context.Context, client *http.Client, url string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	took := time.Since(began)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d", url, resp.StatusCode)
	}
	return took, err
}
