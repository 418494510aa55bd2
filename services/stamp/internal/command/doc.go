// Package command puts the commands of `stamp` together: a package below for
// each noun, in it a file for each verb, with the verb's options and its run.
package command
