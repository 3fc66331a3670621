package katotest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"ckptledger/trainer/kato/katotest"
)

// BenchmarkObserve is what so many bare connections get out of the server: each
// sends sequences of eight symbols and reads the answers.
func BenchmarkObserve(b *testing.B) {
	for _, connections := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			s, err := katotest.New(katotest.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
			work := make(chan string)
			done := make(chan error, connections)
			for i := range connections {
				url := s.URL + "/sessions/" + newSession(b, client, s, fmt.Sprintf("node%d", i)) + "/observe-sequence"
				go func() {
					for body := range work {
						if err := post(client, url, body); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			bodies := make([]string, 1000)
			for i := range bodies {
				bodies[i] = sequence(fmt.Sprint(i), "Ġthe", "Ġcat", "Ġsat", "Ġon", "Ġthe", "Ġmat", ".")
			}
			b.ResetTimer()
			for i := range b.N {
				select {
				case work <- bodies[i%len(bodies)]:
				case err := <-done:
					b.Fatal(err)
				}
			}
			close(work)
			for range connections {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func post(client *http.Client, url, body string) error {
	resp, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
