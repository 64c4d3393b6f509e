"""Files that programs upload for what works on files, with OpenAI's protocol."""

from causette.platform.files.service import ApiFiles
from causette.platform.files.types import ApiFile

__all__ = ["ApiFile", "ApiFiles"]
