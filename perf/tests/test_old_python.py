"""A DGX-1 has Ubuntu 20.04's Python 3.8: the scripts that measure there must not need a newer one."""

import ast
import glob
import os
import unittest

PERF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
NEWER = {
    "removeprefix", "removesuffix", "waitstatus_to_exitcode", "cache", "lcm", "pairwise", "bit_count", "randbytes", "is_relative_to", "with_stem", "to_thread",
    "unparse", "graphlib", "zoneinfo", "tomllib", "file_digest", "batched",
}


class OldPythonTests(unittest.TestCase):
    def test_scripts_are_python_3_8(self):
        scripts = glob.glob(os.path.join(PERF, "*.py")) + glob.glob(os.path.join(PERF, "pytorch", "*.py"))
        self.assertGreater(len(scripts), 15)
        for script in scripts:
            with self.subTest(os.path.basename(script)), open(script, encoding="utf-8") as file:
                tree = ast.parse(file.read(), feature_version=(3, 8))
                used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
                used |= {alias.name for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
                self.assertEqual(used & NEWER, set())

    def test_annotations_are_python_3_8(self):
        """list[int] and X | None are evaluated where a function is defined."""
        for script in glob.glob(os.path.join(PERF, "*.py")) + glob.glob(os.path.join(PERF, "pytorch", "*.py")):
            with self.subTest(os.path.basename(script)), open(script, encoding="utf-8") as file:
                for node in ast.walk(ast.parse(file.read())):
                    written = [node.annotation] if isinstance(node, (ast.arg, ast.AnnAssign)) else [node.returns] if isinstance(node, ast.FunctionDef) else []
                    for one in filter(None, written):
                        self.assertNotIsInstance(one, (ast.Subscript, ast.BinOp), f"line {one.lineno}")


if __name__ == "__main__":
    unittest.main()
