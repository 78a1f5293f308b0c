"""What all policies of the engine `policy` have."""

from typing import Annotated

from elastic.model.kinds import Name, Section, about


class Named(Section, frozen=True, kw_only=True, tag_field="engine"):
    """They are told apart by their `engine`."""

    name: Annotated[Name, about("what it is called in reasons")]
