// Package recipe makes a blueprint file ready to be published: paths of
// programs become absolute, and the digests of local files are filled in.
// Comments and order stay as the author wrote them.
package recipe
