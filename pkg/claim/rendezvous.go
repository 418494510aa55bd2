package claim

import (
	"crypto/sha256"
	"encoding/binary"
)

// winner is the candidate that a claim belongs to: the one with the highest
// hash of (candidate, claim). Everybody who sees the same candidates finds the
// same one, and a candidate that comes or goes moves only its own claims.
func winner(claim string, candidates []string) string {
	best, top := "", uint64(0)
	for _, c := range candidates {
		sum := sha256.Sum256([]byte(c + "\x00" + claim))
		score := binary.BigEndian.Uint64(sum[:])
		if best == "" || score > top || score == top && c < best {
			best, top = c, score
		}
	}
	return best
}
