// Package labtest runs the tests of a package inside the lab's namespaces.
package labtest
