"""What the console says in the words of modules that know no Django, listed for makemessages.

The detector (`detector.explain.words`), a policy's rules and the web clients stay pure; the console passes what they
say through gettext. Tests hold these lists and them together.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

OF_THE_DETECTOR = (
    _("Most genuine photos look at least this unusual"),
    _("all sizes and encodings"),
    _("The signal decides nothing by itself; the p-value of the face does."),
    _(
        "Each is one of %(k)s comparisons: the smallest of %(k)s is often small by chance. They decide "
        "nothing; the p-value of the face does."
    ),
    _(
        "Warm places are stranger than 19 in 20 places of genuine faces, as µFlow sees them. Where it is warm says "
        "little of why."
    ),
    _("µFlow has no weight in the p-value of the face, which is that of: %(signals)s."),
    _("That has no map."),
    _("Few genuine faces behind it: n = %(n)s, so rarer than 1 in %(all)s cannot be told."),
    _("Small: the face square has %(size)s px and was enlarged to %(input)s; its fine traces are gone."),
    _("%(reached)s of %(n)s genuine faces looked this unusual"),
    _("About 1 in %(many)s genuine faces look this unusual"),
    _("About %(some)s in 10 genuine photos look this unusual"),
    _("Looks like %(generator)s"),
    _("%(signal)s, tuned features"),
    _("Blurred: 19 in 20 of the genuine faces it was chosen on are sharper."),
    _(
        "Unfamiliar size or compression: it was compared with genuine faces of all kinds, not with those "
        "uploaded alike."
    ),
    _("Found with the simpler face finder: the crop is not quite the calibrated one."),
    _("Unfamiliar compression: it was compared with genuine faces of its size, whatever their encoding."),
    _("Rather small: the face square has %(size)s px, enlarged to %(input)s."),
    _("µFlow"),
    _("All one-class signals"),
    _("Distance from the mean face"),
    _("Distance from the nearest faces"),
    _("Distance from the nearest faces, by angle"),
    _("Density of its features"),
    _("Noise and spectrum"),
    _("Sensitivity to noise"),
    _("Traces of alteration"),
    _("Any known generator"),
    _("Any known generator, untuned features"),
    _("Looks blended"),
    _("Looks repainted"),
    _("64–111 px"),
    _("112–199 px"),
    _("200 px and more"),
    _("any encoding"),
    _("JPEG 90 and better"),
    _("JPEG 70 to 89"),
    _("JPEG below 70"),
    _("WebP"),
    _("lossless"),
    _("Large and sharp enough, and compared with genuine faces that came alike."),
)

BRIEFLY = (  # the detector's remarks in short
    _("small"),
    _("rather small"),
    _("blurred"),
    _("unfamiliar size or compression"),
    _("unfamiliar compression"),
    _("few genuine faces behind it"),
    _("found with the simpler face finder"),
)

OF_PURE_MODULES = (
    _("must be a number above 0 and at most 1"),
    _("must be a number from 0 (off) to 1 (always)"),
    _("must be hours, above 0 and at most %(most)s"),
    _("must be one of %(choices)s"),
    _("is no key of the rules"),
    _("must be 1 or 2"),
    _("must be an object"),
    _("must not lie above review_at"),
    _("outcome must be one of %(outcomes)s, effect one of %(effects)s"),
    _("must be allow or review"),
    _("must be an object with outcome and effect"),
    _("must be review: a broken file must not be the way past the screen"),
    _("must be %(choices)s or %(last)s"),
    _("must be a list of 1 to %(most)s reasons"),
    _("must be an object with %(names)s"),
    _("must be 1 to 40 small letters, digits and _, a letter first"),
    _("must be one line of 1 to %(most)s characters"),
    _("is no category of the DSA Transparency Database: %(known)s"),
    _("is no keyword of this category: %(known)s"),
    _("the policy in force does not list %(codes)s"),
    _("stands in the list already, at %(place)s"),
    _("is a reason code of the guard's own: choose another"),
    _("the URL has spaces or control characters"),
    _("only https:// (and http:// for allow-listed entries) can be called"),
    _("the URL carries a user name or password"),
    _("only https:// is called"),
    _("%(host)s is not a public address"),
    _("the URL is malformed: %(error)s"),
    _("%(host)s cannot be resolved"),
    _("%(text)s is neither an address nor a block like 203.0.113.0/24"),
)
