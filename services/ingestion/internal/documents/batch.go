package documents

import (
	"context"
	"strconv"
	"sync"
)

// MaxBatch is how many documents one batch may have.
const MaxBatch = 20

// batchWidth is how many documents of a batch are worked on at once.
const batchWidth = 4

// Element is one document of a batch as it was handed in: a draft, or why it couldn't be read.
type Element struct {
	Draft Draft
	Err   error
}

// Result is what became of one document of a batch.
type Result struct {
	Document Document
	Err      error
}

// TakeAll takes each element in by itself: what becomes of one says nothing about the others. The results are in
// the elements' order.
func (i *Intake) TakeAll(ctx context.Context, owner, key string, elements []Element) []Result {
	results := make([]Result, len(elements))
	slots := make(chan struct{}, batchWidth)
	var wg sync.WaitGroup
	for n, e := range elements {
		if e.Err != nil {
			results[n].Err = e.Err
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[n].Document, results[n].Err = i.Take(ctx, owner, elementKey(key, n), e.Draft)
		})
	}
	wg.Wait()
	return results
}

// elementKey never meets a client's own key, which has no spaces.
func elementKey(key string, n int) string {
	if key == "" {
		return ""
	}
	return "batch " + strconv.Itoa(n) + " " + key
}
