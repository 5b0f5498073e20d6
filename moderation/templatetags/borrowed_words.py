"""What the console says in the words of modules that know no Django, listed for makemessages.

The detector (`detector.explain.words`) stays pure; the console passes what it says through gettext. A test holds this
list and it together.
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
    _("µFlow has no weight in the p-value of the face, which is that of: %(signals)s. That has no map."),
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
    _("Density of its features"),
    _("Noise and spectrum"),
    _("Sensitivity to noise"),
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
