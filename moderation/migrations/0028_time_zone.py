from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deepfake_guard', '0027_held_and_closed_cases'),
    ]

    operations = [
        migrations.AddField(
            model_name='preferences',
            name='time_zone',
            field=models.CharField(blank=True, help_text='of the tz database; empty: as the browser says', max_length=64),
        ),
    ]
