"""What a build did, as one page for people: inputs, figures and the page.

`read_inputs` turns a build's documented files into plain values, `render` turns those into HTML. Both are functions
without state, and equal builds give equal pages.
"""

from quality.report.inputs import Inputs
from quality.report.read import read_inputs, read_manifest
from quality.report.render import render

__all__ = ["Inputs", "read_inputs", "read_manifest", "render"]
