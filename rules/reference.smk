rule build_reference_plane:
    input:
        images=ancient(project.plane_images),
    output:
        plane="reference/wcs.fits",
    log:
        "logs/build_reference_plane.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("build_reference_plane"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json plane={output.plane:q} 2> {log:q}"


rule build_reference:
    input:
        plane="reference/wcs.fits",
        refcat=ancient(project.file_parameter("reference_catalog", "refcat")),
        sky=project.reference_sky,
    output:
        sources="reference/sources.ecsv",
    log:
        "logs/build_reference.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("build_reference"),
    shell:
        "tweakreg-step {params.job:q} plane={input.plane:q} refcat={input.refcat:q}"
        " sky={input.sky:q} sources={output.sources:q} 2> {log:q}"
