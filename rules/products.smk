rule write_headerlet:
    input:
        image=ancient(project.image_for("write_headerlet")),
        fit="fits/{image}.json",
        plane="reference/wcs.fits",
        history=ancient(project.file_parameter("headerlet_creation", "history")),
    output:
        record="headerlets/{image}.json",
    log:
        "logs/write_headerlet/{image}.log",
    wildcard_constraints:
        image=project.images_of("write_headerlet"),
    conda:
        "environment.yaml"
    params:
        job=project.job("write_headerlet"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} fit={input.fit:q}"
        " plane={input.plane:q} history={input.history:q} record={output.record:q} 2> {log:q}"


rule update_header:
    input:
        image=ancient(project.image_for("update_header")),
        original=ancient(project.image_path),
        fit="fits/{image}.json",
        plane="reference/wcs.fits",
        headerlet=project.attached_headerlet,
    output:
        record="headers/{image}.json",
    log:
        "logs/update_header/{image}.log",
    wildcard_constraints:
        image=project.images_of("update_header"),
    conda:
        "environment.yaml"
    params:
        job=project.job("update_header"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} original={input.original:q}"
        " fit={input.fit:q} plane={input.plane:q} headerlet={input.headerlet:q}"
        " record={output.record:q} 2> {log:q}"


rule write_chip_catalog:
    input:
        catalog="catalogs/{image}.ecsv",
    output:
        xy="tweakreg/{image}_sci{chip}_xy_catalog.coo",
    log:
        "logs/write_chip_catalog/{image}.{chip}.log",
    wildcard_constraints:
        image=project.images_of("write_chip_catalog"),
    conda:
        "environment.yaml"
    params:
        job=project.job("write_chip_catalog"),
    shell:
        "tweakreg-step {params.job:q} catalog={input.catalog:q} xy={output.xy:q} 2> {log:q}"


rule write_catalogs:
    input:
        sky="sky/{image}.ecsv",
        plane="reference/wcs.fits",
        pairs="fits/{image}.ecsv",
        fit="fits/{image}.json",
    output:
        sky="tweakreg/{image}_sky_catalog.coo",
        refxy="tweakreg/{image}_refxy_catalog.coo",
        match="tweakreg/{image}_xy_catalog.match",
        fit="tweakreg/{image}_catalog_fit.match",
    log:
        "logs/write_catalogs/{image}.log",
    wildcard_constraints:
        image=project.images_of("write_catalogs"),
    conda:
        "environment.yaml"
    params:
        job=project.job("write_catalogs"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json sky={input.sky:q} plane={input.plane:q}"
        " pairs={input.pairs:q} fit={input.fit:q} sky_text={output.sky:q}"
        " refxy_text={output.refxy:q} match_text={output.match:q} fit_text={output.fit:q}"
        " 2> {log:q}"


rule write_sky_catalog:
    input:
        sky="sky/{image}.ecsv",
    output:
        sky="tweakreg/{image}_sky_catalog.coo",
    log:
        "logs/write_sky_catalog/{image}.log",
    wildcard_constraints:
        image=project.images_of("write_sky_catalog"),
    conda:
        "environment.yaml"
    params:
        job=project.job("write_sky_catalog"),
    shell:
        "tweakreg-step {params.job:q} sky={input.sky:q} sky_text={output.sky:q} 2> {log:q}"


rule write_catfile_list:
    output:
        catfile=f"tweakreg/{project.names[0]}_xy_catfile.list",
    log:
        "logs/write_catfile_list.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("write_catfile_list"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json catfile={output.catfile:q} 2> {log:q}"


rule write_refcat:
    input:
        sources=project.reference_list,
    output:
        record="reference/cumulative_refcat.json",
    log:
        "logs/write_refcat.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("write_refcat"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json sources={input.sources:q}"
        " record={output.record:q} 2> {log:q}"


rule write_shiftfile:
    input:
        fits=expand("fits/{image}.json", image=project.names),
        plane="reference/wcs.fits",
    output:
        shifts=project.values["shiftfile_output"]["outshifts"],
        plane=project.values["shiftfile_output"]["outwcs"],
    log:
        "logs/write_shiftfile.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("write_shiftfile"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json plane={input.plane:q}"
        " shifts={output.shifts:q} outwcs={output.plane:q} 2> {log:q}"
