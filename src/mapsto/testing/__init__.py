"""The conformance suites of every family, so that users test their own members with them."""
