import django.utils.timezone
from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery


def passports(apps, _schema):
    """Each calibration gets its detector's passport; the newest one of each detector was taken for the one in use."""
    detectors = apps.get_model('deepfake_guard', 'DetectorVersion').objects.filter(pk=OuterRef('detector_id'))
    calibrations = apps.get_model('deepfake_guard', 'Calibration').objects
    calibrations.update(manifest=Subquery(detectors.values('manifest')[:1]), warmed_at=F('created_at'))
    newest = calibrations.filter(detector_id=OuterRef('detector_id')).order_by('-created_at')
    calibrations.filter(pk=Subquery(newest.values('pk')[:1])).update(
        warmed_at=Subquery(detectors.values('warmed_at')[:1])
    )


class Migration(migrations.Migration):

    dependencies = [
        ('deepfake_guard', '0031_worker_left'),
    ]

    operations = [
        migrations.AddField(
            model_name='calibration',
            name='manifest',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='calibration',
            name='warmed_at',
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.RunPython(passports, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(
            model_name='detectorversion',
            name='manifest',
        ),
        migrations.RemoveField(
            model_name='detectorversion',
            name='starter',
        ),
        migrations.RemoveField(
            model_name='detectorversion',
            name='warmed_at',
        ),
    ]
