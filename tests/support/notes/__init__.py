"""An app of notes on boards, for the tests of data binding."""
