"""A folder that keeps the finished blocks of a sweep, each as a netCDF file."""

import io
import os
import re
import shutil
import uuid
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xarray as xr
from numpy.typing import NDArray

_LONGEST = 255  # bytes of a file's name, on every usual file system
_BLOCK = 1 << 16  # bytes that the file of a block does not exceed by much
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\]")  # one letter would be a drive of Windows


def open_folder(store: str | os.PathLike[str]) -> Path:
    """The folder, made if it does not exist; `~` is the home of the user.

    Raises:
        TypeError: `store` is not a path.
        ValueError: it is an address, not a folder, or cannot be made.
    """
    if not isinstance(store, str | os.PathLike):
        raise TypeError(f"store must be the path of a folder, got {store!r}.")
    text = os.fspath(store)
    if not text:
        raise ValueError("store must be the path of a folder, got ''; '.' is the present one.")
    if _ADDRESS.match(text):
        raise ValueError(
            f"store must be a folder of this machine, got the address {text}; mount it, or copy "
            "the folder there afterwards."
        )
    try:
        folder = Path(text).expanduser()
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"store must be a folder, but {text} is a file.")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"store {text} cannot be made: {_reason(error)}.") from error
    return folder


def check_names(folder: Path, jobs: Iterable[tuple[str, str, int]]) -> None:
    """Refuses labels whose file would have too long a name.

    Raises:
        ValueError: there is such a pair of labels.
    """
    for model, target, block in jobs:
        size = len(file_name(model, target, block)) + len(".unfinished")
        if size > _LONGEST:
            raise ValueError(
                f"models[{model!r}] and targets[{target!r}] make a file name of {size} bytes in "
                f"store, where {_LONGEST} are possible; shorter labels would do. A letter beyond "
                "a-z takes 6 bytes or more."
            )


def check_room(folder: Path, blocks: int) -> None:
    """Refuses, before anything is trained, a folder that cannot take so many blocks.

    Raises:
        ValueError: nothing can be written there, or the disk is too full.
    """
    try:
        write(folder / "probe", bytes(_BLOCK))
        (folder / "probe").unlink(missing_ok=True)  # another process may have probed as well
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ValueError(f"store {folder} cannot be written to: {_reason(error)}.") from error
    if free < blocks * _BLOCK:
        raise ValueError(
            f"store {folder} has {free} bytes left, but {blocks} blocks of seeds may take "
            f"{blocks * _BLOCK}; make room, or use another folder."
        )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def file_name(model: str, target: str, block: int) -> str:
    """The name of the file of a block."""
    # No quoted label holds an "@", so no two cells share a name.
    return f"{quote(model, safe='')}@{quote(target, safe='')}@{block:04d}.nc"


def pack(variables: dict[str, NDArray[Any]], attributes: dict[str, Any]) -> bytes:
    """The netCDF file of one block."""
    dims = {name: ("seed", "mode")[: value.ndim] for name, value in variables.items()}
    data = xr.Dataset({name: (dims[name], value) for name, value in variables.items()})
    return bytes(data.assign_attrs(attributes, checksum=_checksum(data)).to_netcdf(engine="scipy"))


def unpack(content: bytes) -> xr.Dataset:
    """What `pack` packed."""
    with xr.open_dataset(io.BytesIO(content), engine="scipy") as data:
        return data.load()


def _checksum(data: xr.Dataset) -> str:
    # As float64, in which the numbers do not depend on what netCDF keeps them as.
    parts = (data[name].values.astype(float).tobytes() for name in sorted(map(str, data.data_vars)))
    return f"{zlib.crc32(b''.join(parts)):08x}"


def load(file: Path | None, attributes: dict[str, Any]) -> bytes | None:
    """The content of a finished block; None where there is none, or it is damaged.

    Raises:
        ValueError: the block is of other settings.
    """
    if file is None or not file.exists():
        return None
    content = file.read_bytes()
    try:
        data = unpack(content)
        intact = data.attrs.pop("checksum") == _checksum(data)
    except Exception:  # a damaged file can make the parser fail in any way
        return None
    if not intact:
        return None
    differ = [
        f"{name} was {data.attrs.get(name)}, is {value}"
        for name, value in attributes.items()
        if data.attrs.get(name) != value
    ]
    if differ:
        raise ValueError(
            f"store has {file.name} from a sweep with other settings: {'; '.join(differ)}. Use "
            "another folder, another label, or those settings."
        )
    return content


def write(file: Path, content: bytes) -> None:
    """Puts the file there whole or not at all, whenever the process or the machine stops.

    Raises:
        OSError: it cannot be written; the message says what to do.
    """
    part = file.with_name(f"{uuid.uuid4().hex}.unfinished")
    try:
        with part.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f"{_reason(error)}; the blocks that were finished before are there, and the same call "
            "goes on from them",
            str(file),
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
