"""Operations on sites: which there are, and how each is."""

from elastic.errors import CloudUnavailable, NotFound
from elastic.model.domain import Json
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operations

operations = Operations()


class OneSite(Arguments, frozen=True, kw_only=True):
    site: str


@operations.declare(Arguments, Access.ANYONE)
def list_sites(desk: Desk, _asked: Asked, _args: Arguments) -> Json:
    return [{"name": site} for site in desk.cloud.sites()]


@operations.declare(OneSite, Access.OPERATOR)
def describe_site(desk: Desk, _asked: Asked, args: OneSite) -> Json:
    """How it is, one finding a line: what it was asked about, whether that is well, and what it said."""
    known = desk.cloud.sites()
    if args.site not in known:
        raise NotFound(f"there is no site {args.site[:40]!r}; there are {', '.join(known)}")
    question = {args.site: lambda: desk.cloud.examine(args.site, desk.cloud_patience)}
    answers = desk.questions.gather(question, 2 * desk.cloud_patience)
    if args.site not in answers:
        raise CloudUnavailable(f"no answer from {args.site} within {2 * desk.cloud_patience:g} s")
    findings = [{"what": f.what, "well": f.is_well, "text": f.text} for f in answers[args.site]]
    return {"name": args.site, "well": all(f["well"] for f in findings), "findings": findings}
