"""The suite lies outside the test files, and its asserts shall speak as theirs do."""

import pytest

pytest.register_assert_rewrite("contracts.baseline_suite")
